-- lamppost: no-transaction
drop index concurrently birthday.people_email;
