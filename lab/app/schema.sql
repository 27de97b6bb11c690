-- Tables of the stand-in portal: the part of PAWS360's model that today's routes read.
-- Run as the role that owns them (portal); running it again changes nothing.

CREATE TABLE IF NOT EXISTS users (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email          text NOT NULL UNIQUE CHECK (email = lower(email)),
    role           text NOT NULL CHECK (role IN (
                       'STUDENT', 'PROFESSOR', 'TA', 'INSTRUCTOR', 'COUNSELOR', 'MENTOR', 'ADVISOR',
                       'FACULTY', 'STAFF', 'Administrator', 'Super_Administrator')),
    first_name     text NOT NULL,
    last_name      text NOT NULL,
    phone          text NOT NULL,
    birth_date     date NOT NULL,
    ssn            text NOT NULL,
    ethnicity      text NOT NULL,
    privacy_level  text NOT NULL CHECK (privacy_level IN (
                       'PUBLIC', 'DIRECTORY', 'RESTRICTED', 'CONFIDENTIAL')),
    password_hash  text,            -- null: the account was never activated, nobody can log in
    failed_logins  integer NOT NULL DEFAULT 0,
    locked_until   timestamptz
);

CREATE TABLE IF NOT EXISTS student (
    user_id        bigint PRIMARY KEY REFERENCES users (id),
    campus_id      text NOT NULL UNIQUE,
    gpa            numeric(3, 2) NOT NULL CHECK (gpa BETWEEN 0 AND 4),
    standing       text NOT NULL CHECK (standing IN ('GOOD', 'PROBATION', 'SUSPENDED'))
);

CREATE TABLE IF NOT EXISTS courses (
    code           text PRIMARY KEY,
    title          text NOT NULL,
    credits        integer NOT NULL CHECK (credits BETWEEN 1 AND 6)
);

CREATE TABLE IF NOT EXISTS authentication_sessions (
    token_hash     bytea PRIMARY KEY,   -- SHA-256 of the token; the token itself is never stored
    user_id        bigint NOT NULL REFERENCES users (id),
    created_at     timestamptz NOT NULL DEFAULT now(),
    expires_at     timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS authentication_sessions_of_user
    ON authentication_sessions (user_id, created_at);

-- A pooled connection can't carry these as startup options, so they belong to the role.
ALTER ROLE CURRENT_USER SET statement_timeout = '5s';
ALTER ROLE CURRENT_USER SET lock_timeout = '2s';
ALTER ROLE CURRENT_USER SET idle_in_transaction_session_timeout = '10s';
