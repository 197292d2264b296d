"""Who judges otherwise than the crowd, how, and how sure that is: one module a detector, all over arrays.

`annotate.quality.judgement.judge` runs them all. A detector says what stands out; it never decides about a person.
"""
