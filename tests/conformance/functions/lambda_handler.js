// Waits as long as the request's path says, for calls that nobody waits for.
exports.handler = async (event) => {
  await new Promise((done) => setTimeout(done, 1000 * Number(event.wait || 1)));
  return "done";
};
