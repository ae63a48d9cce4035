"""The agent's SQLite file: telegrams, readings, outbox, route; from here on nothing is lost."""
