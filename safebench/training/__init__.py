"""Training: one loop for every recipe (`safebench.models.contracts.Recipe`), through Accelerate."""
