// A worker that says "a second has passed". Browsers slow the timers of a page in the background down to one a
// minute, which would end the connection for want of a ping; those of a worker they leave alone.

setInterval(() => postMessage(null), 1000);
