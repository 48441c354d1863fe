// SPDX-License-Identifier: Apache-2.0
import { type Attributes, type Context, type Span, SpanKind, trace } from '@opentelemetry/api';
import { labelIn, labelOf, setLabel } from './context.ts';
import { type Label, reasonLabel, type RequestLabel, requestLabel } from './label.ts';
import * as names from './semconv.ts';

/** What is read of a span of SDK 2 or 3. */
export type SdkSpan = Span & { readonly kind: SpanKind; readonly attributes: Attributes };

/** Where requests are kept. */
export interface Requests {
  /** Takes a request, or refuses to. */
  begin(request: RequestLabel): boolean;
  /** A span that turned out to be no HTTP request's. */
  disown(request: RequestLabel): void;
}

/** Spans whose whole CPU time but this part has been read have a known energy. */
const UNREAD_PART = 0.01;

/** Gives spans their labels: a request is the outermost span of kind SERVER in this process, with all inside it. */
export class SpanLabels {
  readonly #requests: Requests;
  readonly #other = reasonLabel('other_spans');
  readonly #notKept = reasonLabel('not_kept');
  readonly #outermost = new WeakMap<Label, object>();

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  start(span: SdkSpan, parent: Context): void {
    const inherited = trace.getSpanContext(parent)?.isRemote ? undefined : labelIn(parent);
    // A request that is made inside another kind of span, such as one that listens, is a request.
    if (inherited && !(inherited === this.#other && span.kind === SpanKind.SERVER)) setLabel(span, inherited);
    else setLabel(span, this.#begin(span));
  }

  end(span: SdkSpan): void {
    const request = this.#requestOf(span);
    if (!request) return;
    const route = span.attributes[names.ATTR_HTTP_ROUTE];
    if (typeof route === 'string') request.route = route;
    if (this.#outermost.get(request) !== span) return;
    const attributes = attributesOf(span.attributes, request.route);
    if (attributes) request.attributes = attributes;
    else this.#requests.disown(request);
  }

  /** What a request has used, J, where that is known before its span has ended. */
  knownJoules(span: SdkSpan): number | undefined {
    const request = this.#requestOf(span);
    if (!request || this.#outermost.get(request) !== span || request.readNs === 0) return undefined;
    return request.cpuNs <= UNREAD_PART * request.readNs ? request.joules : undefined;
  }

  #begin(span: SdkSpan): Label {
    if (span.kind !== SpanKind.SERVER) return this.#other;
    const request = requestLabel(performance.now());
    if (!this.#requests.begin(request)) return this.#notKept;
    this.#outermost.set(request, span);
    return request;
  }

  #requestOf(span: SdkSpan): RequestLabel | undefined {
    const label = labelOf(span);
    return label && this.#outermost.has(label) ? (label as RequestLabel) : undefined;
  }
}

/** What the histogram tells a request by; undefined if a span is no HTTP request's. */
export function attributesOf(attributes: Attributes, route: string | undefined): Attributes | undefined {
  const method = attributes[names.ATTR_HTTP_REQUEST_METHOD] ?? attributes[names.ATTR_HTTP_METHOD];
  if (method === undefined) return undefined;
  const status = attributes[names.ATTR_HTTP_RESPONSE_STATUS_CODE] ?? attributes[names.ATTR_HTTP_STATUS_CODE];
  return {
    [names.ATTR_HTTP_REQUEST_METHOD]: method,
    ...(route !== undefined && { [names.ATTR_HTTP_ROUTE]: route }),
    ...(status !== undefined && { [names.ATTR_HTTP_RESPONSE_STATUS_CODE]: status }),
  };
}
