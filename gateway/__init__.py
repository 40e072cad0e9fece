"""The edge process: device bytes become readings, are spooled, and go to the broker."""
