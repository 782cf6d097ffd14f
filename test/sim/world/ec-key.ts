/** A private key for simulations, and for nothing else: it is published here. */
export const ecKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg6BqH/jK93pVki7H5
DFaYFhSAzYWsjDEZCxBN0Gwv9KChRANCAAT5EWVSQMXVwq0yiNIBTKxrgiJ5r6jF
PYfdrlTQhid6kIFE5kcFcYuLB7lWe/IO2xeGMrQUXH8c0jjUHEWCpDA1
-----END PRIVATE KEY-----
`
