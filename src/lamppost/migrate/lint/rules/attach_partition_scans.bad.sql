alter table birthday.events attach partition birthday.events_2026 for values from (2026) to (2027);
