"""Lambda on one machine: real runtime clients in real processes, forked from a zygote.

`zygote` forks them, `sandbox` is one of them seen from outside, `pool` grows and shrinks a
function's sandboxes, `lambdas` is what the AWS port, the gateway and the clock talk to.
"""
