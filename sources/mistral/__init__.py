from sources.mistral import history as history
