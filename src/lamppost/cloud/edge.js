// Before CloudFront looks for a file. CONFIG is the stage's, put in when the template is made.
var config = CONFIG;

function handler(event) {
  var request = event.request;
  if (request.uri === '/config.json') {
    return {
      statusCode: 200,
      statusDescription: 'OK',
      headers: {
        'content-type': { value: 'application/json' },
        'cache-control': { value: 'no-store' },
        'x-content-type-options': { value: 'nosniff' },
      },
      body: { encoding: 'text', data: JSON.stringify(config) },
    };
  }
  // A path is the page's own; what has a dot in its last part is a file, and missing if it is not there.
  // So is all that others look for below /.well-known/, with a dot or without: RFC 8615.
  var last = request.uri.slice(request.uri.lastIndexOf('/') + 1);
  if (last.indexOf('.') < 1 && request.uri.indexOf('/.well-known/') !== 0) {
    request.uri = '/index.html';
  }
  return request;
}
