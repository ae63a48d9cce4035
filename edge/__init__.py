"""The agent on a handheld terminal or in a vehicle: receivers, decoding, durable store, sync, the reader's screen."""
