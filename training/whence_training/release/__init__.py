"""What becomes of a trained model: judged, registered, deployed behind a canary, and watched."""
