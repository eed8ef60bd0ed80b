"""The tests; a package of this name, since one that is installed beside torch-fidelity has it too."""
