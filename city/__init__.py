"""The shared ground: vocabulary, wire, MQTT session, store, ledger, registry."""
