"""Where the work of a run is done: in this process, on a Ray cluster, or in Slurm's array jobs.

An executor is handed a worker (one model) and tasks (batches), and gives rows back in the tasks' order; it knows
neither runs nor inpainters nor detectors.  The driver plans, and alone writes the run's folder.
"""
