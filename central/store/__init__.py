"""Models, migrations, engines and sessions: the one place that knows the database."""
