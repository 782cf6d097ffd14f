/** Http: requests of browsers and machines to this box, as the Fetch standard has them. Bounded in headers, time and connections by the implementation. */
export type Caller = {
  /** Where the connection comes from; never what a header claims. */
  address: string
  /** Where it arrived, as a URL would say it: `192.0.2.7:8080`. */
  local: string
  /** The connection is encrypted. */
  secure: boolean
}

export type HttpOptions = { host: string; port: number; tls?: { key: string; cert: string } }

export interface HttpListener {
  readonly port: number
  /** No more requests; open streams are cut. */
  close(): Promise<void>
}

export interface Http {
  /** Rejects with NetError when the port cannot be had. `answer` must not reject; should it, the caller hears 500. */
  listen(options: HttpOptions, answer: (request: Request, caller: Caller) => Promise<Response>): Promise<HttpListener>
}
