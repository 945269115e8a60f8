-- Version 4: workers say which GPUs their slots have, and which of these are out.
ALTER TABLE worker ADD COLUMN gpus TEXT;
ALTER TABLE worker ADD COLUMN gpus_out TEXT;
