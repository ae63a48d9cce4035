"""The tariff language: schema, loader, linter, and the compiled form that rating reads."""
