"""From stored rows to tables, and what is done with them: compared, verified, submitted, published, reported."""
