"""Real servers for tests: on free loopback ports, in their own folders, ended by process id."""
