// Draws full-depth pixels with WebGL2: integer greys in a texture, the window in the shader.

const VERTICES = `#version 300 es
void main() { // one triangle that covers the stage
  gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);
}`;
const PIXELS = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
uniform usampler2D radiograph;
uniform vec2 size; // of the radiograph, in its pixels
uniform vec4 origin; // left and top on the canvas, cosine and sine of the rotation
uniform float scale; // canvas pixels for each radiograph pixel
uniform float canvasHeight;
uniform int level; // of the mipmap
uniform bool nearest; // no smoothing of magnified pixels
uniform vec2 greys; // the stored grey that is black, and the span to white
uniform bvec2 curve; // sigmoid, inverted
out vec4 colour;

float at(ivec2 pixel, ivec2 last) {
  return float(texelFetch(radiograph, clamp(pixel, ivec2(0), last), level).r);
}

void main() {
  vec2 step = (vec2(gl_FragCoord.x, canvasHeight - gl_FragCoord.y) - origin.xy) / scale;
  vec2 here = vec2(origin.z * step.x + origin.w * step.y, origin.z * step.y - origin.w * step.x);
  colour = vec4(0.0, 0.0, 0.0, 1.0);
  if (any(lessThan(here, vec2(0.0))) || any(greaterThanEqual(here, size))) return;
  ivec2 last = textureSize(radiograph, level) - 1;
  vec2 inLevel = here / float(1 << level);
  float stored;
  if (nearest) {
    stored = at(ivec2(inLevel), last);
  } else {
    vec2 corner = floor(inLevel - 0.5);
    vec2 share = inLevel - 0.5 - corner;
    ivec2 one = ivec2(corner);
    float upper = mix(at(one, last), at(one + ivec2(1, 0), last), share.x);
    float lower = mix(at(one + ivec2(0, 1), last), at(one + ivec2(1, 1), last), share.x);
    stored = mix(upper, lower, share.y);
  }
  float grey = (stored - greys.x) / greys.y;
  grey = curve.x ? 1.0 / (1.0 + exp(-4.0 * (grey - 0.5))) : clamp(grey, 0.0, 1.0);
  colour.rgb = vec3(curve.y ? 1.0 - grey : grey);
}`;
const UNIFORMS = ["size", "origin", "scale", "canvasHeight", "level", "nearest", "greys", "curve"];
let unusable = false;
const idle = []; // released surfaces, reused because a browser allows few contexts

export class WebglSurface {
  // Returns a surface for this radiograph, or null where WebGL2 is missing, too slow or too small.
  static for(radiograph) {
    if (unusable) return null;
    const surface = idle.pop() ?? WebglSurface.create();
    unusable = !surface;
    if (!surface || surface.gl.isContextLost()) return null;
    if (Math.max(radiograph.width, radiograph.height) > surface.gl.getParameter(surface.gl.MAX_TEXTURE_SIZE)) return null;
    surface.load(radiograph);
    return surface;
  }

  static create() {
    const canvas = document.createElement("canvas");
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, stencil: false });
    return gl && !isSoftware(gl) ? new WebglSurface(canvas, gl) : null;
  }

  constructor(canvas, gl) {
    Object.assign(this, { canvas, gl, kind: "webgl2" });
    canvas.addEventListener("webglcontextlost", () => this.onLost?.());
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTICES], [gl.FRAGMENT_SHADER, PIXELS]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    gl.useProgram(program);
    this.at = Object.fromEntries(UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)]));
  }

  load(radiograph) {
    if (radiograph === this.radiograph) return;
    const { gl } = this;
    gl.deleteTexture(this.texture ?? null);
    this.texture = gl.createTexture();
    this.radiograph = radiograph;
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texStorage2D(gl.TEXTURE_2D, radiograph.levels.length, gl.R16UI, radiograph.width, radiograph.height);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST_MIPMAP_NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    radiograph.levels.forEach(({ greys, width, height }, level) => {
      gl.texSubImage2D(gl.TEXTURE_2D, level, 0, 0, width, height, gl.RED_INTEGER, gl.UNSIGNED_SHORT, greys);
    });
  }

  draw(box, ratio, width, height, { low, span, sigmoid, flip }) {
    const { gl, at, radiograph } = this;
    if (gl.isContextLost()) return false;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    gl.viewport(0, 0, width, height);
    const scale = box.scale * ratio;
    gl.uniform2f(at.size, radiograph.width, radiograph.height);
    gl.uniform4f(at.origin, box.left * ratio, box.top * ratio, box.cos, box.sin);
    gl.uniform1f(at.scale, scale);
    gl.uniform1f(at.canvasHeight, height);
    gl.uniform1i(at.level, levelFor(radiograph, scale));
    gl.uniform1i(at.nearest, scale >= 4 ? 1 : 0);
    gl.uniform2f(at.greys, low, span);
    gl.uniform2i(at.curve, sigmoid ? 1 : 0, flip ? 1 : 0);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    return true;
  }

  release() {
    this.canvas.remove();
    if (!this.gl.isContextLost()) idle.push(this);
  }
}

// WebGL in software is slower than the 2-D canvas, and not every browser supports failIfMajorPerformanceCaveat.
function isSoftware(gl) {
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name = info ? gl.getParameter(info.UNMASKED_RENDERER_WEBGL) : "";
  const software = /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
  if (software) gl.getExtension("WEBGL_lose_context")?.loseContext();
  return software;
}

// Returns the mipmap level whose pixel size is nearest to that of the screen.
export function levelFor(radiograph, scale) {
  return Math.max(0, Math.min(radiograph.levels.length - 1, Math.round(Math.log2(1 / scale))));
}
