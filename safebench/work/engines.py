"""The executor that `--engine` names."""

from __future__ import annotations

from safebench.work.executor import Executor, ExecutorOptions


def make_executor(options: ExecutorOptions) -> Executor:
    """The executor that the options name; what it needs is imported only then.

    Raises PluginError where its package is missing, ConfigError.
    """
    if options.engine == "ray":
        from safebench.work.ray import RayExecutor

        return RayExecutor(options)
    if options.engine == "slurm":
        from safebench.work.slurm import SlurmExecutor

        return SlurmExecutor(options)
    from safebench.work.local import LocalExecutor

    return LocalExecutor(options.workers, options.device)
