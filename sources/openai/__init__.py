from sources.openai import history as history
