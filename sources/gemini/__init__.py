from sources.gemini import history as history
