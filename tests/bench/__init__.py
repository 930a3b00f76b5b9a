"""What Lastcall costs, beside what it could cost: ``make bench`` (ARGS="polls events" for some).

Never part of the tests: figures depend on the machine, ratios to the bare library in the same run
less so."""
