from sources.groq import history as history
