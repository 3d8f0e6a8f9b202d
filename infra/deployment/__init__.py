"""How a stage gets into its accounts. `steps` has the order; `rollout` goes through it; every other module is one part of that."""
