"""Web pages for subscribers, the public and the office staff; no business rule and no SQL lives here."""
