alter domain birthday.email add constraint email_at check (value like '%@%');
