-- lamppost: no-transaction
alter table birthday.events detach partition birthday.events_2024 concurrently;
