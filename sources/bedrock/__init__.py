from sources.bedrock import lifecycle_2025 as lifecycle_2025
