"""Training: one loop for every recipe (`safebench.contracts.Recipe`), through Accelerate."""
