"""What travels over MQTT: direct payloads, packs, receipts, statuses."""
