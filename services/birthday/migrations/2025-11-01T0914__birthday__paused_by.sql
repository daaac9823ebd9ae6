-- Who paused sending. Null: the worker, which found the endpoint unusable and resumes by itself once it is
-- another one. What a person paused, only a person resumes.
alter table birthday.pause
    add column who text;
