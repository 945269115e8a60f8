-- Version 4: workers say which GPUs their slots have.
ALTER TABLE worker ADD COLUMN gpus TEXT;
