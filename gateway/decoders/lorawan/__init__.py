"""LoRaWAN: what network servers wrap around an uplink, and what devices put into it."""
