"""The control API as REST: the websocket's commands under paths, and their OpenAPI description."""
