"""One file per rule of the register's quality board."""
