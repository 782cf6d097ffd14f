/**
 * How a connection is encrypted: from the first octet; by STARTTLS or not at all; never; or by STARTTLS when it is offered, whoever answers (RFC 7435).
 * The last is for the hosts of others, and no login is ever said there.
 */
export type Security = 'tls' | 'starttls' | 'none' | 'opportunistic'
