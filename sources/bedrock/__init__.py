"""Amazon Bedrock: its user guide."""

GUIDE = "https://docs.aws.amazon.com/bedrock/latest/userguide"
