// SPDX-License-Identifier: Apache-2.0

/** Energy of HTTP requests that a server has answered. Proposed: shaped like `http.server.request.duration`. */
export const METRIC_REQUEST_ENERGY = 'http.server.request.energy';
/** Energy that requests have used which are not in the histogram yet. Proposed: shaped like `http.server.active_requests`. */
export const METRIC_ACTIVE_REQUEST_ENERGY = 'http.server.active_request.energy';
/** Energy of the process that no request used, by `energy.reason`. Ours. */
export const METRIC_NO_REQUEST_ENERGY = 'process.energy.no_request';

/** Semantic conventions, stable. */
export const ATTR_HTTP_ROUTE = 'http.route';
export const ATTR_HTTP_REQUEST_METHOD = 'http.request.method';
export const ATTR_HTTP_RESPONSE_STATUS_CODE = 'http.response.status_code';
/** Semantic conventions before they were stable, which instrumentations still have. */
export const ATTR_HTTP_METHOD = 'http.method';
export const ATTR_HTTP_STATUS_CODE = 'http.status_code';
/** Ours, of a span. */
export const ATTR_ENERGY_JOULES = 'energy.joules';
