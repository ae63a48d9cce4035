"""Wireless and wired M-Bus (EN 13757-2/-3/-4/-7, OMS)."""
