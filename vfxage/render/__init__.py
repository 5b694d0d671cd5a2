"""A shot from its opened plate to its finished files: job, scene, stamps, stages, resume, report and verification."""
