/** Names of sources that Outpost has by itself, whether or not the settings name any. */

/** No source of the settings may take these: the embedded broker, the command line, and what the box says of itself. */
export const takenSources: readonly string[] = ['broker', 'cli', 'outpost']
/** Mail of this machine, what machines post, what the page posts. Settings from before these were known may have a source of that name, and must still start. */
export const sharedSources: readonly string[] = ['sendmail', 'api', 'page']
/** Those that rules may name; what is sent by hand (cli) says itself whom it is for. */
export const ruledSources: readonly string[] = ['broker', 'outpost', ...sharedSources]
