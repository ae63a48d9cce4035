"""What a browser is, in words, from what it calls itself; good enough for its owner to know it again."""

# The first that is found names it: most browsers also call themselves by the names of others.
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def device(agent: str) -> str:
    """``Firefox en Windows``; what is not known is called a browser."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "Navegador")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return f"{browser} en {system}" if system else browser
