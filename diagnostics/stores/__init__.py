"""Where files that rows name are stored: on the disk, or in an S3 bucket (docs/adr/0042)."""
