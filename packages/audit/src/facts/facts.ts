/**
 * What the source says about a server: plain data, no syntax trees, nothing judged.
 * Every fact carries the places it was read from, in the order a reader wants them.
 */
import type { Location } from '../finding/finding.ts'
import type { StateHandleFact } from './handles.ts'
import type { RequestStateFact } from './request-state.ts'

export interface ServerFacts {
  /** Whether the tree serves anything at all: a listener, a route, an MCP server or transport. */
  readonly hasServerCode: boolean
  /** Where serving begins (what listens, routes and connects), and the calls that lead there. */
  readonly servers: readonly Location[]
  readonly listeners: readonly ListenerFact[]
  readonly stores: readonly StoreFact[]
  readonly tokens: readonly TokenFact[]
  readonly mints: readonly MintFact[]
  /** What must not be guessed by its name: passwords, keys, tokens, unique identifiers. Those that name sessions are among `mints`. */
  readonly madeSecrets: readonly MintFact[]
  readonly adoptions: readonly AdoptionFact[]
  readonly dispatches: readonly DispatchFact[]
  readonly endpoints: readonly EndpointFact[]
  readonly sockets: readonly SocketFact[]
  readonly cors: readonly CorsFact[]
  readonly urlTokens: readonly UrlTokenFact[]
  readonly comparisons: readonly ComparisonFact[]
  readonly secrets: readonly SecretFact[]
  readonly cookies: readonly CookieFact[]
  readonly dependencies: readonly DependencyFact[]
  readonly audiences: readonly AudienceFact[]
  readonly eventStores: readonly EventStoreFact[]
  readonly exposures: readonly ExposureFact[]
  readonly namePolicies: readonly NamePolicyFact[]
  readonly streams: readonly StreamFact[]
  readonly subscriptions: readonly SubscriptionFact[]
  readonly taskStores: readonly TaskStoreFact[]
  readonly lateBindings: readonly LateBindingFact[]
  readonly requestStates: readonly RequestStateFact[]
  readonly stateHandles: readonly StateHandleFact[]
  readonly logins: readonly LoginFact[]
  readonly logouts: readonly LogoutFact[]
  readonly denyLists: readonly DenyListFact[]
  readonly passwordChanges: readonly PasswordChangeFact[]
  /** Whether something shows that a login lasts longer than its request. */
  readonly keepsLogins: boolean
  readonly sharedServers: readonly SharedServerFact[]
  readonly sharedVariables: readonly SharedVariableFact[]
  readonly staleWrites: readonly StaleWriteFact[]
  readonly broadcasts: readonly BroadcastFact[]
  readonly collisions: readonly CollisionFact[]
  /** Whether session IDs or credentials travel to this server at all. */
  readonly carriesSecrets: boolean
  /** Handlers behind middleware that we cannot see ask who the caller is. */
  readonly callersAsked: boolean
  /** Whether any path verifies a credential, always or when configured. */
  readonly verifiesCredentials: boolean
  /** What could not be followed, one sentence each, by the kind of fact that suffers. */
  readonly unknowns: readonly UnknownFact[]
}

export type Reach = 'network' | 'loopback' | 'unknown'

export interface ListenerFact {
  readonly at: Location
  /** Where the app that requests enter by is made. */
  readonly app: Location | undefined
  /** Where connections can come from under the default configuration. */
  readonly reach: Reach
  /** The addresses it may bind, as far as known; empty when the default applies. */
  readonly hosts: readonly string[]
  /** The address is not written: the platform's default applies. */
  readonly byDefault: boolean
  readonly tls: boolean
  /** Every request is refused or redirected unless it came over TLS. */
  readonly tlsEnforced: boolean
  /** Sessions or credentials travel through the package it stands in. */
  readonly carriesSecrets: boolean
  /** An authorization server sends codes there, which are exchanged for tokens. */
  readonly takesCodes: boolean
  readonly what: string
}

/** Something that ends or removes a session. */
export interface RemovalFact {
  readonly at: Location
  readonly trigger: 'delete' | 'request' | 'close' | 'disconnect' | 'timer'
  /** The key removed is one that sessions are stored under. */
  readonly rightKey: boolean
  /** The live transport or stream is closed as well. */
  readonly closes: boolean
  /** Where the request that brought the end about puts the session in again. */
  readonly undone?: Location
}

export interface LimitFact {
  readonly kind: 'idle' | 'absolute'
  readonly at: Location
  /** Off until somebody sets an option. */
  readonly optional: boolean
  /** Where a request puts an idle timeout off, as far as it was seen. */
  readonly renewedAt?: readonly Location[]
  /** Where a timer puts it off as well, for sessions that nobody uses: it never comes. */
  readonly keptOffAt?: Location
}

export interface StoreFact {
  readonly id: string
  readonly name: string
  readonly at: Location
  readonly kind: 'map' | 'record' | 'array' | 'set' | 'variable' | 'web-session' | 'database'
  readonly holds: 'streamable' | 'sse' | 'web' | 'own'
  /** Where sessions are put in. */
  readonly insertions: readonly Location[]
  /** Where the code that puts them in is called, as far as that is in another file. */
  readonly openings: readonly Location[]
  readonly removals: readonly RemovalFact[]
  readonly limits: readonly LimitFact[]
  /** An entry says whose session it is, by who the caller is found to be. */
  readonly remembersOwner: boolean
  /** An entry lives no longer than its connection. */
  readonly boundToConnection: boolean
  /** A handler that `connect()` of the locked SDK overwrites: dead code. */
  readonly deadHandlers: readonly Location[]
  /** A DELETE request (or a logout) reaches code that ends the session. */
  readonly endsOnRequest: boolean
  /** They are kept by code that is not in the tree: when they end is not known. */
  readonly isElsewhere?: true
}

/** A token signed here for a client and verified when it comes back. */
export interface TokenFact {
  readonly at: Location
  /** Absent where that is done in a file that is not there. */
  readonly checked?: Location
  /** By its own claims or by how it is verified; undefined where the claims could not be followed. */
  readonly expires: boolean | undefined
  /** It passes after it has expired. */
  readonly ignored: boolean
  /** Whoever presents it is looked up as well, before anything is served: it may have been ended before its time. */
  readonly lookedUp: boolean
}

export interface EntropyFact {
  readonly kind: 'csprng' | 'math-random' | 'clock' | 'counter' | 'process' | 'guessable' | 'constant'
  readonly label: string
  readonly bits: number
  readonly at: Location
}

/** How a session ID is made. */
export interface MintFact {
  readonly at: Location
  readonly what: string
  /** Unknown when the generator could not be followed. */
  readonly sources: readonly EntropyFact[] | undefined
  /** Upper bound, and what of it a sound generator provides. */
  readonly bits: number
  readonly soundBits: number
}

/** A value from the request becomes the ID of a new session. */
export interface AdoptionFact {
  readonly at: Location
  /** The call in the handler that led there, where it is another place. */
  readonly via: Location | undefined
  /** `the Mcp-Session-Id header`, `the query parameter sessionId`, … */
  readonly origin: string
  readonly store: string | undefined
}

/** A request is served on a session that was found by the handle it presented. */
export interface DispatchFact {
  readonly at: Location
  readonly lookup: Location
  /** The call in the handler that led there, where it is elsewhere. */
  readonly via: Location | undefined
  /** The session is ended, not served. */
  readonly ends: boolean
  readonly store: string
  readonly route: { readonly verb: string; readonly path: string; readonly at: Location } | undefined
  /** Verbs this place serves, as far as the code distinguishes. */
  readonly verb: string
  /** `always`: every path here has verified a credential. `optional`: only where configured. */
  readonly authenticated: 'always' | 'optional' | 'never'
  /** How the code here can name the verified caller: `user`, `req.auth`; the nearest first. */
  readonly callers: readonly string[]
  /** Where no credential came, the owner of the session that the request names is taken for the caller. */
  readonly ownerStandsIn: boolean
  /** One shared secret for everybody, or credentials that name a principal. */
  readonly credential: 'shared' | 'personal' | undefined
  /** What the caller brings for a credential is handed to what runs here, for somebody else to judge. */
  readonly handsOn: boolean
  /** The caller was compared with the session's owner on every path here. */
  readonly bound: boolean
  /** Middleware we cannot see stands before it. */
  readonly behindUnknown: boolean
  /** A host serves it to the network: it listens nowhere itself. */
  readonly hosted: boolean
}

/** A place that answers MCP requests over HTTP. */
export interface EndpointFact {
  readonly at: Location
  /** Where the app that requests enter by is made. */
  readonly app: Location | undefined
  readonly route: Location | undefined
  /** Whether a foreign Origin or Host is refused on every path here; `optional`: where configured. */
  readonly check: 'always' | 'optional' | 'never'
  /** Where a transport is asked to check and given no list to check by. */
  readonly vain?: Location
  /** Origin is looked at, but in a way that lets foreign hosts pass: by how it begins, by a part, by the Host that comes with it. */
  readonly loosely: boolean
  readonly authenticated: DispatchFact['authenticated']
  /** A cookie is taken for a credential. */
  readonly byCookie: boolean
  readonly behindUnknown: boolean
}

/** Connections that are kept, and listened to, after a request asked for them: WebSockets and what stands on them. */
export interface SocketFact {
  /** Where the program says what becomes of a new connection. */
  readonly accepted: Location
  /** Where what takes connections in is made. */
  readonly server: Location | undefined
  /** Where the connection is listened to or handed on. */
  readonly at: Location
  /**
   * Whether a foreign Origin is refused on every path here; `own-host`: one that is not the host that was asked, which keeps
   * nobody out whose name was made to lead here.
   */
  readonly check: 'always' | 'own-host' | 'never'
  /** Origin is looked at, but in a way that lets foreign hosts pass. */
  readonly loosely: boolean
  /** CORS keeps foreign pages from the same by long polling, and from nothing else. */
  readonly pollingChecked: boolean
  /** `other`: by something that a page of another site cannot have a browser send. */
  readonly letInBy: 'cookie' | 'nobody' | 'other'
  /** What a message makes the server do; `commands`: start a program, run text as code, write a file. */
  readonly does: 'commands' | 'something' | 'nothing'
  readonly act: Location | undefined
  /** It is reached from its own machine alone, or is a program of whoever sits there. */
  readonly local: boolean
  readonly behindUnknown: boolean
}

/** A session ID or a credential that travels in a URL. */
export interface UrlTokenFact {
  readonly kind: 'session' | 'credential'
  /** `accepted`: a request brings it. `sent`: the server writes it into an answer. */
  readonly way: 'accepted' | 'sent'
  /** `the query parameter token`, `the path parameter id`. */
  readonly part: string
  /** Where it is read, where that is elsewhere. */
  readonly read: Location | undefined
  /** Where it is put to use. */
  readonly at: Location
  /** The ID of an SSE connection: it dies with it. */
  readonly ofConnection: boolean
}

/** A secret and what a request offers for it are compared in a way whose time depends on them. */
export interface ComparisonFact {
  readonly at: Location
  readonly via: Location | undefined
  /** `===`, `equals`, … */
  readonly how: string
  readonly secret: 'mac' | 'setting' | 'stored' | 'written'
}

/** Something that must be secret: what it is for, and where it comes from. */
export interface SecretFact {
  readonly at: Location
  /** With an article: `the key that tokens are signed with`. */
  readonly what: string
  /**
   * `written`: text in the source. `fallback`: text in the source where a setting is missing. `short`: a sound generator,
   * but too few bits. `guessable`: no sound generator. `known`: derived from what others on the machine know. `outside`: from the environment or from where it cannot be seen.
   */
  readonly source: 'written' | 'fallback' | 'short' | 'guessable' | 'known' | 'outside'
  /** Where the text or the generator stands, where that is elsewhere. */
  readonly from: Location | undefined
  readonly bits: number | undefined
  /** It is put to use here; otherwise its name alone says what it is for. */
  readonly used: boolean
}

export type CookieAttribute = 'HttpOnly' | 'Secure' | 'SameSite'

export interface CookieFact {
  readonly at: Location
  readonly what: string
  /** Attributes that are not set, or set to what protects nothing. */
  readonly missing: readonly CookieAttribute[]
  /** `SameSite=None`: it is sent along from every site. */
  readonly crossSite: boolean
  /** Where its options are written, if that is elsewhere. */
  readonly written?: Location
}

/** A package that the running code imports, in the version that is pinned. */
export interface DependencyFact {
  readonly name: string
  readonly version: string
  /** The first import of it. */
  readonly at: Location
  /** Where the version is written, if in this tree. Looked up when it is asked for: lockfiles are long, and few are concerned. */
  readonly pinned?: Location | undefined
  /** `version` is the lowest that a range admits, and this the first that it does not. */
  readonly below?: string
}

/** A token that was issued elsewhere is verified here. */
export interface AudienceFact {
  readonly at: Location
  /** Only a token that is meant for this server passes. */
  readonly named: boolean
  /** Where options are made that name nobody, headers that carry the token on, or where it is asked whether the token is good. */
  readonly written?: Location | undefined
  /** Verified here; its issuer is asked about it; or it is sent to another service as it came, be it that nobody or somebody has verified it here. */
  readonly how: 'verified' | 'asked' | 'passed-on' | 'passed-through'
}

/** What keeps the events of streams, so that a client that comes back gets what it missed. */
export interface EventStoreFact {
  readonly created: Location
  /** Where a transport with sessions is given it, or where what it holds is sent again. */
  readonly used: Location
  /** Given to a transport that replays by itself; asked by hand; or handed to the transport that is written here. */
  readonly how: 'given' | 'by-hand' | 'handed'
  /** One object serves the transports of many sessions. */
  readonly shared: boolean
  /** The method that is asked for what followed an event. */
  readonly replays?: Location
}

/** A session ID or a credential goes where others read it. */
export interface ExposureFact {
  readonly at: Location
  readonly kind: 'session' | 'credential'
  /** `log`, or an answer that whoever asks is given. */
  readonly where: 'log' | 'answer'
  /** The expressions within that hold it, as far as they are seen; none lies in another. */
  readonly parts: readonly Location[]
  /** Who is told: whoever asks, each of many users with a credential of their own, or who holds the one that all share. */
  readonly audience: 'everybody' | 'users' | 'holders'
}

/** Whether a request may pass is decided by what a header says is called, and what its body calls is done. */
export interface NamePolicyFact {
  readonly decided: Location
  readonly at: Location
  /** The call in the handler that led there, where it is another place. */
  readonly via: Location | undefined
  /** Header and body are held against each other on the way. */
  readonly compared: boolean
}

/** A stream that a credential opened which ends by itself, and that stays open after its request was let in. */
export interface StreamFact {
  /** `session`: of an SDK transport. `listen`: of the SDK's handler. The others are the server's own. */
  readonly how: 'session' | 'listen' | 'answer' | 'socket'
  /** Where the credential is verified. */
  readonly verified: Location
  readonly opened: Location
  /** Time ends it, or what may still be sent is asked again while it is open. */
  readonly limited: boolean
}

/** Somebody is told of changes to what they named, where what there is belongs to somebody. */
export interface SubscriptionFact {
  /** `subscribe`, `listen`: methods of the protocol. `stream`: a stream of the server's own. */
  readonly how: 'subscribe' | 'listen' | 'stream'
  /** Where it is taken. */
  readonly at: Location
  /** What the handler does for it, where that is elsewhere. */
  readonly asked?: Location | undefined
  /** The one handler of the SDK that all listen to. */
  readonly handler?: Location
  readonly told: Location
  /** It is asked before whether they may know. */
  readonly permitted: boolean
}

/** What keeps the tasks of a server and answers for them. */
export interface TaskStoreFact {
  readonly created: Location
  /** Where a store of the program's own answers for a task. */
  readonly answers?: Location
  /** Where a server that has it is connected. */
  readonly used: Location
  /** One object serves many requests. */
  readonly shared: boolean
  /** Callers prove who they are, and it is not told. */
  readonly blind: boolean
}

/** Which pages the server lets browsers show its answers to. */
export interface CorsFact {
  readonly at: Location
  /** `reflected`: whichever page asks is named in the answer. */
  readonly allows: 'any' | 'reflected' | 'listed'
  /** Browsers send cookies along. */
  readonly credentials: boolean
  /** Where its options are written, if that is elsewhere. */
  readonly written?: Location
}

/** A part of the owner that is set on a session only while another part is not, and compared only where it is set. */
export interface LateBindingFact {
  readonly store: string
  readonly field: string
  /** The part whose absence lets it be set. */
  readonly gate: string
  readonly at: Location
  readonly compared: Location
}

/** A caller proves who they are and the session records it. */
export interface LoginFact {
  readonly at: Location
  readonly how: 'web-session' | 'record' | 'passport' | 'old-id-kept'
  readonly field: string
  /** A new session ID was issued before, on every path. */
  readonly regenerated: boolean | undefined
  readonly session: Location | undefined
}

/** A caller logs out, or has a token revoked. */
export interface LogoutFact {
  readonly at: Location
  /**
   * The cookie that proves who they are is taken back; they are told that it is done, where a token proves it (`answer`) or
   * the record of a session (`record`); the SDK's OAuth router asks for it; a session of MCP is to end; a session of the web
   * is left without its user.
   */
  readonly how: 'cookie' | 'emptied' | 'answer' | 'record' | 'provider' | 'session'
  readonly cookie?: string
  /** Where that cookie is given to a caller. */
  readonly set?: Location
  /** Something is ended on the server, or may be by code that cannot be seen. */
  readonly ends: boolean
}

/** Signed tokens that were taken back are noted in a list, and somewhere one is accepted without a look into it. */
export interface DenyListFact {
  readonly name: string
  /** Where a token is noted. */
  readonly at: Location
  /** Where one is verified by its signature alone. */
  readonly checked: Location
}

/** A user is given a new password. */
export interface PasswordChangeFact {
  readonly at: Location
  /** The call of the function that does it. */
  readonly calledFrom: Location | undefined
  /** The call in a handler that led there, where it is another place. */
  readonly asked: Location | undefined
  /** Something is done about the sessions of before, or may be by code that cannot be seen. */
  readonly ends: boolean
}

/** One server or transport object serves many sessions. */
export interface SharedServerFact {
  readonly what: 'server' | 'transport'
  /** Those who share it: everybody, everybody in one mode of operation, the sessions of one caller. */
  readonly among: 'all' | 'one-mode' | 'one-caller'
  readonly created: Location
  readonly used: Location
  /** Other places that connect the same one. */
  readonly alsoUsed?: readonly Location[]
}

/** A variable that outlives the request is written by one and read by another. */
export interface SharedVariableFact {
  readonly name: string
  /**
   * `logins`: credentials for something else, each under a name that whoever brought it has chosen; `answers`: what each
   * caller's credential was answered elsewhere, under what they asked for; `sessions`: those of everybody, of which one is taken as it comes.
   */
  readonly holds:
    | 'transport'
    | 'server'
    | 'identity'
    | 'session'
    | 'response'
    | 'page'
    | 'choice'
    | 'flow'
    | 'logins'
    | 'answers'
    | 'sessions'
  /** Only in a mode of operation that is not the default. */
  readonly optional?: boolean
  readonly declared: Location | undefined
  /** The call in the handler that leads to the write, where that is another place. */
  readonly via?: Location
  readonly written: Location
  readonly read: Location
  /** It is a credential, and requests read it that have brought none. */
  readonly leftBehind: boolean
}

/** State read, awaited on, and written back. */
export interface StaleWriteFact {
  readonly name: string
  readonly read: Location | undefined
  readonly written: Location
  /** What is good for one use is looked up there, and used up here. */
  readonly once?: true
}

/** Messages are sent to every session. */
export interface BroadcastFact {
  readonly store: string
  readonly kept: Location
  readonly at: Location
}

/** Requests wait for their answers in one place, each under an ID that its client chose. */
export interface CollisionFact {
  readonly store: string
  readonly kept: Location
  readonly at: Location
}

export interface UnknownFact {
  readonly about: 'listener' | 'mint' | 'dispatch' | 'store'
  readonly reason: string
  readonly at: Location | undefined
}
