"""Never imported: its card is refused."""
