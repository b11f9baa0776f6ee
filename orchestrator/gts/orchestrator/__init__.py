"""Jobs and what carries them out: queue, worker, planner, stages and compute."""
