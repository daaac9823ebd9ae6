-- Sessions of services that sign their own tokens (lamppost.tokens). One row is one login: a line of refresh
-- tokens of which only the newest holds. A row never says a token, only its hash.
create table lamppost.refresh_tokens (
    family     uuid primary key,
    issuer     text not null,
    subject    text not null,
    generation integer not null default 1,
    token_hash bytea not null check (octet_length(token_hash) = 32),
    begun_at   timestamptz not null,
    used_at    timestamptz,
    expires_at timestamptz not null,
    ends_at    timestamptz not null,
    revoked_at timestamptz
);

-- Someone logs out everywhere.
create index refresh_tokens_subject on lamppost.refresh_tokens (issuer, subject);

-- Sweeping looks for what has expired.
create index refresh_tokens_expired on lamppost.refresh_tokens (expires_at);

comment on column lamppost.refresh_tokens.expires_at is 'Until when the newest token may be used; each use moves it.';
comment on column lamppost.refresh_tokens.ends_at is 'When the person logs in anew, however often they came.';

-- Access tokens taken back before they expire: looked up by every request that must know.
create table lamppost.revoked_tokens (
    jti        uuid primary key,
    expires_at timestamptz not null
);

create index revoked_tokens_expired on lamppost.revoked_tokens (expires_at);
